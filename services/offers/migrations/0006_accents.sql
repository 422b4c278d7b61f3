-- Partnerships are found and sorted without their accents: what search compares says so of those that are here (shared.text.fold).

-- The policy is for the running service only: without force the owner sees its rows. What old code beside this keeps has its accents until it
-- is kept again.
alter table partnerships no force row level security;
update partnerships set
    company = replace(replace(replace(translate(
        normalize(regexp_replace(normalize(company, NFD), '[\u0300-\u036f]', '', 'g'), NFC), 'øłđðıħ', 'olddih'
    ), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
    name_search = replace(replace(replace(translate(
        normalize(regexp_replace(normalize(name_search, NFD), '[\u0300-\u036f]', '', 'g'), NFC), 'øłđðıħ', 'olddih'
    ), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
alter table partnerships force row level security;
