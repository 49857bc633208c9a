"""The one way in which a call is refused."""


class Refused(Exception):
    """What AWS answers instead: its code, its text, the HTTP status, and further members of the error's shape."""

    def __init__(self, code, message, status=400, **members):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


def not_found(kind, name):
    """The answer of EC2 to an id it does not know: `kind` is AMI, Snapshot, Instance or Volume."""
    code = {
        "AMI": "InvalidAMIID.NotFound",
        "Snapshot": "InvalidSnapshot.NotFound",
        "Instance": "InvalidInstanceID.NotFound",
        "Volume": "InvalidVolume.NotFound",
    }[kind]
    text = {
        "AMI": f"The image id '[{name}]' does not exist",
        "Snapshot": f"The snapshot '{name}' does not exist.",
        "Instance": f"The instance ID '{name}' does not exist",
        "Volume": f"The volume '{name}' does not exist.",
    }[kind]
    return Refused(code, text)
