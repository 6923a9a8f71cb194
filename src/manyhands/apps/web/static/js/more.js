// Words of the worker's own pages and the public record, joined to the common ones before any of those pages is drawn.
import { texts } from "manyhands/texts.js";
import { texts as more } from "manyhands/texts-more.js";

Object.assign(texts, more);
