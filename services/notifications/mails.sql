-- The mailer's queries; it runs as notifications_ops and sees the mails of all tenants.

-- next: the mail that has been due the longest and that no other mailer is at; it stays locked until the transaction ends.
select state::text, tenant, id, attempts from mails
where due_at <= now()
order by due_at, id
limit 1
for update skip locked;

-- sent: it was handed over; nothing more is to be done.
update mails set due_at = null, sent_at = now(), attempts = attempts + 1, error = null
where tenant = %(tenant)s and id = %(id)s;

-- again: this attempt failed, the next one is due in so many seconds.
update mails set due_at = now() + make_interval(secs => %(seconds)s), attempts = attempts + 1, error = %(error)s
where tenant = %(tenant)s and id = %(id)s;

-- dead: it will never be sent; it stays for an operator to read.
update mails set due_at = null, attempts = attempts + 1, error = %(error)s
where tenant = %(tenant)s and id = %(id)s;

-- count_dead: how many were given up.
select count(*) from mails where due_at is null and sent_at is null;

-- prune: what was sent a week ago is of no use any more.
delete from mails where sent_at < now() - interval '7 days';
