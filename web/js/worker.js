// Starts the module on a thread of its own. The page sends its compiled form, so nothing is fetched or compiled twice.

import { initSync, serve } from "../../../fourwire_web.js";

onmessage = ({ data: module }) => {
  initSync({ module });
  serve();
};
