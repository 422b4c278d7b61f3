-- What waits for somebody to follow a link in a mail. The link itself cannot be made from what stands here: see shared/links.py.
create table mailed_links (
    tenant text collate "C" not null,
    id text collate "C" not null,
    version bigint not null,
    state jsonb not null,
    user_id text collate "C" not null,
    primary key (tenant, id)
);
create index mailed_links_user on mailed_links (tenant, user_id, id);

alter table mailed_links enable row level security;
alter table mailed_links force row level security;
create policy own on mailed_links to ${service} using (tenant = any (string_to_array(current_setting('app.tenants', true), ',')));
grant select, insert, update, delete on mailed_links to ${service};
