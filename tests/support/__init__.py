"""What tests share.

`servers` gives PostgreSQL and RabbitMQ to throw away. `processes` runs one process of Accord until it answers, `stack` all of them, `browser` Chromium.
`desk` asks a service over the broker, `saying` says to it what others would say, `neighbours` answer it in their names.
`hearing` lets use cases hear and do things without any of that. `story` is an offer, told in facts.
"""
