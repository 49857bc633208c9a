"""Which of the operations are answered here. What is not in the table is moto's to answer."""

handlers = {}
# Operations that take long and so lock the world themselves, as briefly as they can.
unlocked = set()
# What a handler gives back for a request that moto answers better.
to_moto = object()


def operation(service, *names, locked=True):
    """Registers a function (call, params) -> the members of the operation's output."""

    def register(handler):
        for name in names:
            handlers[(service, name)] = handler
            if not locked:
                unlocked.add((service, name))
        return handler

    return register
