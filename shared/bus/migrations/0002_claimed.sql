-- The highest number that a receipt has named though we never said it, or said something else under it: a fork that was reported. What a receipt
-- names that is not higher is no news, so a mark that an operator has settled stays away. Code that does not know of it leaves it alone.
alter table streams add column claimed bigint not null default 0;
