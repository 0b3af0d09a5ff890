// A simulation that is being played: its page looks by itself how far it is.  Without this there is a link to look.
const region = document.querySelector("[data-live]");
const PAUSE = 3000;

async function look() {
  const answer = await fetch(region.dataset.live, { credentials: "same-origin" });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.querySelector("[data-live]");
  if (!fresh) {
    location.reload();
    return;
  }
  region.querySelector("[role=status]").textContent = fresh.querySelector("[role=status]").textContent;
  region.querySelector("progress").value = fresh.querySelector("progress").value;
}

if (region) setInterval(() => look().catch(() => {}), PAUSE);
