-- The tables of the bus, in every service's database. ${service} is the service's role, ${service}_relay its relay's,
-- ${service}_ops its operators'; the owner runs this file and is never used by a running process.

-- One row for each direction pair of a stream. `peer` is the other tenant; for facts of our own side it is the tenant itself, and
-- `service` the publisher. What we said: sent …; what they said: applied ….
create table streams (
    tenant text collate "C" not null,
    subject text collate "C" not null,
    peer text collate "C" not null,
    service text collate "C" not null,
    sent bigint not null default 0,
    sent_digest text not null default '',
    confirmed bigint not null default 0,
    confirmed_seen bigint not null default 0,
    -- A receipt that names more than we have applied so far confirms nothing yet (rule 9).
    receipt_applied bigint not null default 0,
    receipt_seen bigint not null default 0,
    receipt_sent bigint not null default 0,
    applied bigint not null default 0,
    applied_digest text not null default '',
    seen bigint not null default 0,
    parked int not null default 0,
    parked_type text,
    forked boolean not null default false,
    receipt_due boolean not null default false,
    primary key (tenant, subject, peer, service)
);
create index streams_receipt_due on streams (tenant, subject) where receipt_due;

-- What is to be published. due_at is null once nothing more is to be done; peer messages stay as the stream we sent.
create table outbox (
    tenant text collate "C" not null,
    id text collate "C" not null,
    kind text not null check (kind in ('fact', 'peer', 'timer', 'retry')),
    service text collate "C" not null,
    subject text collate "C" not null,
    destination text collate "C" not null,
    type text not null,
    sequence bigint not null,
    body text not null,
    created_at timestamptz not null default now(),
    due_at timestamptz,
    sent_at timestamptz,
    attempts int not null default 0,
    primary key (tenant, id)
);
create index outbox_due on outbox (due_at, id) where due_at is not null;
create index outbox_stream on outbox (tenant, subject, destination, sequence) where kind = 'peer';

-- What was said to us: every peer message (applied), and whatever could not be applied yet (started, parked, failed) or ever (dead).
create table inbox (
    tenant text collate "C" not null,
    subject text collate "C" not null,
    peer text collate "C" not null,
    service text collate "C" not null,
    sequence bigint not null,
    id text collate "C" not null,
    kind text not null,
    type text not null,
    state text not null check (state in ('applied', 'started', 'parked', 'failed', 'dead')),
    attempts int not null default 0,
    not_before timestamptz,
    error text,
    digest text not null,
    body text not null,
    received_at timestamptz not null default now(),
    -- id makes two timers, and the two versions of a fork, different rows.
    primary key (tenant, subject, peer, service, sequence, id)
);
create index inbox_waiting on inbox (state, not_before) where state <> 'applied';

-- Answers to commands, so that a repeated one does nothing twice. Kept 48 hours.
create table answers (
    tenant text collate "C" not null,
    actor text collate "C" not null,
    method text collate "C" not null,
    key text collate "C" not null,
    fingerprint text not null,
    answer text not null default '',
    created_at timestamptz not null default now(),
    primary key (tenant, actor, method, key)
);
create index answers_age on answers (created_at);

alter table streams enable row level security;
alter table streams force row level security;
alter table outbox enable row level security;
alter table outbox force row level security;
alter table inbox enable row level security;
alter table inbox force row level security;
alter table answers enable row level security;
alter table answers force row level security;

create policy own on streams to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on outbox to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on inbox to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy own on answers to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
create policy relay on streams to ${service}_relay, ${service}_ops using (true);
create policy relay on outbox to ${service}_relay, ${service}_ops using (true);
create policy relay on inbox to ${service}_relay, ${service}_ops using (true);
create policy relay on answers to ${service}_relay using (true);

grant select, insert, update, delete on streams, outbox, inbox, answers to ${service};
grant select, update on streams to ${service}_relay;
grant select, update, delete on outbox to ${service}_relay;
grant select on inbox to ${service}_relay;
grant select, delete on answers to ${service}_relay;
grant select, update on streams to ${service}_ops;
grant select, insert, update, delete on outbox, inbox to ${service}_ops;

-- Lets a statement that wrote fewer rows than meant end the transaction, within the same round trip: somebody else was there first.
create function expect_rows(written bigint, wanted bigint) returns void language plpgsql as $$
begin
    if written <> wanted then
        raise exception 'changed meanwhile: % of % rows', written, wanted using errcode = '40001';
    end if;
end
$$;
