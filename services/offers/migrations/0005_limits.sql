-- The offers that a business has sent in the last 24 hours are counted before it sends one more.
create index partnerships_given on partnerships (tenant, sent_at, status) where role = 'partner';
