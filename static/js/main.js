// Every page loads this once; each module acts on data-* attributes, also on content that htmx brings later.
import "./copy.js";
import "./counter.js";
import "./dialog.js";
import "./dismiss.js";
import "./documents.js";
import "./editor.js";
import "./import_form.js";
import "./inline_edit.js";
import "./labels.js";
import "./loading.js";
import "./menu.js";
import "./picker.js";
import "./rows.js";
import "./shortcuts.js";
import "./stepper.js";
import "./theme.js";
import "./upload.js";
