-- Offers that are open from before there was a clock for them: it rings for them, too.

-- The policies are for running processes only: without force the owner may read and write.
alter table partnerships no force row level security;
alter table outbox no force row level security;
with waiting as materialized (
    select tenant, id, gen_random_uuid()::text as timer, (state ->> 'expires_at')::timestamptz as expires_at
    from partnerships where role = 'partner' and status = 'open')
insert into outbox (tenant, id, kind, service, subject, destination, type, sequence, body, due_at)
select tenant, timer, 'timer', 'offers', id, tenant, 'expiry.due', 0,
       jsonb_build_object(
           'specversion', '1.0', 'id', timer, 'type', 'expiry.due', 'source', 'offers', 'subject', id,
           'time', to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'origin', tenant, 'destination', tenant,
           'sequence', 0, 'previous', '', 'epoch', 1, 'kind', 'timer', 'data', jsonb_build_object())::text,
       expires_at
from waiting;
alter table outbox force row level security;
alter table partnerships force row level security;
