-- Who did what to logins and settings; an entry is written with the change it tells of, and never changed.
create table audit (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    at timestamptz not null,
    action text collate "C" not null,
    -- False for what nobody reads: a failed login of nobody costs as much as one of somebody.
    shown boolean not null,
    primary key (tenant, id)
);
create index audit_newest on audit (tenant, shown, at, id);
create index audit_of_action on audit (tenant, shown, action, at, id);

alter table audit enable row level security;
alter table audit force row level security;
create policy own on audit to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on audit to ${service};

-- What is noted stays as it is until it is too old.
create function audit_stays() returns trigger language plpgsql as $$
begin
    raise exception 'an entry of the audit trail is never changed';
end $$;
create trigger audit_stays before update on audit for each row execute function audit_stays();
