-- Users are found and sorted without their accents: what search compares says so of those that are here (shared.text.fold).

-- The policy is for the running service only: without force the owner sees its rows. What old code beside this keeps has its accents until it
-- is kept again.
alter table users no force row level security;
update users set
    name_search = replace(replace(replace(translate(
        normalize(regexp_replace(normalize(name_search, NFD), '[\u0300-\u036f]', '', 'g'), NFC), 'øłđðıħ', 'olddih'
    ), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
alter table users force row level security;
