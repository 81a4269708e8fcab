-- How a message is to be shown, where that is not as usual.
ALTER TABLE deliveries ADD COLUMN manner TEXT;
-- The conversation that the first part has begun: the later ones go there.
ALTER TABLE deliveries ADD COLUMN opened TEXT;
-- More sends than this are never under way on the account.
ALTER TABLE accounts ADD COLUMN at_once INTEGER;
