"""A function that runs only after people approve it. Needs ASSENT_URL and ASSENT_TOKEN (an agent's token)."""

import os

from assent import Assent, requires_approval

client = Assent(os.environ["ASSENT_URL"], os.environ["ASSENT_TOKEN"])


@requires_approval(client, title="Mail customers", environment="production")
def send_mail(to: list[str], text: str) -> None:
    """Send an email; this example only prints a line."""
    print(f"Sent to {len(to)}: {text}")


send_mail(["a@example.com"], "Closed on Sunday.")
