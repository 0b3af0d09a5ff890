// Intake: while the officer still types, say whether the person is known already.  Without this the server asks on sending.
const form = document.querySelector("form[data-lookalikes-url]");
const place = form?.querySelector("[data-lookalikes]");
const watched = new Set(["name", "patient_name", "phone", "email", "record_number", "date_of_birth"]);
let asked = 0;

async function hint() {
  const number = ++asked;
  const chosen = form.querySelector('[name="same_as"]:checked')?.value;
  const answer = await fetch(form.dataset.lookalikesUrl, { method: "POST", body: new FormData(form), credentials: "same-origin" });
  if (!answer.ok || number !== asked) return;
  place.innerHTML = await answer.text();
  const again = chosen && place.querySelector(`[name="same_as"][value="${CSS.escape(chosen)}"]`);
  if (again) again.checked = true;
}

if (place) {
  form.addEventListener("change", (event) => {
    const isAnswered = form.querySelector("#same_as") && !place.contains(form.querySelector("#same_as"));
    if (watched.has(event.target.name) && event.target.value && !isAnswered) hint().catch(() => {});
  });
}
