-- Keys that programs use in the name of the user who made them.
create table api_keys (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    user_id text collate "C" not null,
    primary key (tenant, id)
);
create index api_keys_user on api_keys (tenant, user_id, id);

alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy own on api_keys to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on api_keys to ${service};
