-- Questions about a whole page, or about where on it something stands, beside those about single pieces.
--
-- asks: JSON list of decisions.PageAsk; null = the page is cut and its pieces are keyed.
alter table exchange.pages add column asks bytea;
