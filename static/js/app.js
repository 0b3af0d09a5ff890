// Small comforts for people with JavaScript; every page works without this file.
import { focusSummary, guardSubmit, guardUnsaved, countLetters } from "./components/forms.js";
import { closeMenus } from "./components/menus.js";
import { listenForShortcuts } from "./components/shortcuts.js";

focusSummary(document);
guardSubmit(document);
guardUnsaved(document);
countLetters(document);
closeMenus(document);
listenForShortcuts(document);
