"""Everything that a client offers apart from jobs, in plain calls."""

from datagen_nb.client.plain import Plain, plain
from datagen_nb.core import alerts, customer_webhooks, schedules, templates, uploads


class Templates(Plain[templates.Templates]):
    """Named, versioned configurations."""

    put = plain(templates.Templates.put)
    get = plain(templates.Templates.get)
    list = plain(templates.Templates.list)
    versions = plain(templates.Templates.versions)
    delete = plain(templates.Templates.delete)


class Schedules(Plain[schedules.Schedules]):
    """Jobs that run by the clock."""

    put = plain(schedules.Schedules.put)
    get = plain(schedules.Schedules.get)
    list = plain(schedules.Schedules.list)
    delete = plain(schedules.Schedules.delete)


class Webhooks(Plain[customer_webhooks.Webhooks]):
    """Where the service sends what happens."""

    create = plain(customer_webhooks.Webhooks.create)
    list = plain(customer_webhooks.Webhooks.list)
    get = plain(customer_webhooks.Webhooks.get)
    change = plain(customer_webhooks.Webhooks.change)
    delete = plain(customer_webhooks.Webhooks.delete)
    rotate = plain(customer_webhooks.Webhooks.rotate)
    deliveries = plain(customer_webhooks.Webhooks.deliveries)
    delivery = plain(customer_webhooks.Webhooks.delivery)
    replay = plain(customer_webhooks.Webhooks.replay)
    replay_range = plain(customer_webhooks.Webhooks.replay_range)


class Alerts(Plain[alerts.Alerts]):
    """What needs attention."""

    list = plain(alerts.Alerts.list)
    acknowledge = plain(alerts.Alerts.acknowledge)


class Uploads(Plain[uploads.Uploads]):
    """Inputs that are sent in chunks."""

    list = plain(uploads.Uploads.list)
    begin = plain(uploads.Uploads.begin)
    get = plain(uploads.Uploads.get)
    append = plain(uploads.Uploads.append)
    delete = plain(uploads.Uploads.delete)
