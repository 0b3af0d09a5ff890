"""The tree of RFC 6962: its published roots, and proofs that hold for what is in it and for nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing.audit.rules.tree import EMPTY, Frontier, Tree, extends, includes, leaf_hash, node_hash, root_of

# The eight leaves and the roots over the first 1 to 8 of them that implementations of RFC 6962 publish.
DATA = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(bytes.fromhex(text)) for text in DATA]


def numbered(size: int) -> list[bytes]:
    return [leaf_hash(str(number).encode()) for number in range(size)]


def test_the_empty_tree_and_the_first_eight_are_those_of_the_standard():
    assert root_of([]).hex() == EMPTY.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert [root_of(LEAVES[:size]).hex() for size in range(1, 9)] == ROOTS
    assert [Tree(LEAVES[:size]).root.hex() for size in range(1, 9)] == ROOTS


def test_the_audit_path_of_the_standard():
    """Leaf 0 of eight: its neighbour, the next pair, the other half."""
    four = node_hash(node_hash(LEAVES[4], LEAVES[5]), node_hash(LEAVES[6], LEAVES[7]))
    assert Tree(LEAVES).inclusion(0) == [LEAVES[1], node_hash(LEAVES[2], LEAVES[3]), four]
    assert Tree(LEAVES[:5]).inclusion(4) == [root_of(LEAVES[:4])]


@given(st.integers(0, 70), st.integers(0, 70))
def test_a_tree_grown_in_two_sittings_is_the_same(first, second):
    leaves = numbered(first + second)
    early = Frontier().extend(leaves[:first])
    assert Frontier.stored(early.size, early.packed).extend(leaves[first:]).root == root_of(leaves)


@given(st.integers(1, 70), st.data())
def test_every_leaf_is_proved_and_nothing_else_is(size, data):
    leaves = numbered(size)
    tree, index = Tree(leaves), data.draw(st.integers(0, size - 1))
    path = tree.inclusion(index)
    assert includes(leaves[index], index, size, path, tree.root)
    other = data.draw(st.integers(0, size))
    assert not includes(leaves[index], other, size, path, tree.root) or other == index
    assert not includes(leaf_hash(b"x"), index, size, path, tree.root)
    assert not includes(leaves[index], index, size, [*path, b"\0" * 32], tree.root)
    assert not includes(leaves[index], index, size, [b"\0" * 32, *path], tree.root)
    assert not path or not includes(leaves[index], index, size, path[:-1], tree.root)
    for place in range(len(path)):
        flipped = bytes([path[place][0] ^ 1]) + path[place][1:]
        assert not includes(leaves[index], index, size, [*path[:place], flipped, *path[place + 1 :]], tree.root)


@given(st.integers(1, 60), st.integers(0, 60))
def test_an_older_tree_is_proved_to_be_the_beginning_of_a_newer_one(old, more):
    leaves = numbered(old + more)
    before, after = root_of(leaves[:old]), Tree(leaves)
    path = after.consistency(old)
    assert extends(old, before, after.size, after.root, path)
    assert not extends(old, leaf_hash(b"x"), after.size, after.root, path)
    assert not extends(old, before, after.size, leaf_hash(b"x"), path)
    assert not extends(old, before, after.size, after.root, [*path, b"\0" * 32])
    if old > 1:
        forged = [leaf_hash(b"other"), *leaves[1:]]
        assert not extends(old, before, after.size, Tree(forged).root, Tree(forged).consistency(old))


@pytest.mark.parametrize("call", [lambda: Tree(LEAVES).inclusion(8), lambda: Tree([]).inclusion(0), lambda: Tree(LEAVES).consistency(9),
                                  lambda: Tree(LEAVES).consistency(0)])
def test_what_is_not_there_has_no_proof(call):
    with pytest.raises(IndexError):
        call()


def test_a_leaf_never_looks_like_a_node():
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])
    assert leaf_hash(b"") == hashlib.sha256(b"\0").digest()
