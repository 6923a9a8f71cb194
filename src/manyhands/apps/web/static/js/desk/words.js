// The words of the requester's and the operator's pages, joined to the common ones before any of those pages is drawn.
import { texts } from "manyhands/texts.js";
import { texts as more } from "manyhands/texts-desk.js";

Object.assign(texts, more);
