"""What a mail says and what it is: reading, cleaning, folding, recognising machines, and the token that names a case."""
