/* a button that copies what a field holds; without script the field can be copied by hand */

import { toast } from "./toast.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const field = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(field.value);
      toast({ text: "Copied." });
    } catch {
      field.select();
      toast({ text: "Press Ctrl+C to copy." });
    }
  });
}
