"""Airbyte's source for Dataverse with its own command line, against an authority of our choice.

    STRANGER_AUTHORITY=http://127.0.0.1:40001 driver.py check --config config.json
"""

import os

import source_microsoft_dataverse.dataverse as dataverse
from source_microsoft_dataverse.run import run

FIXED = "https://login.microsoftonline.com"
original = dataverse.MicrosoftOauth2Authenticator.__init__


def init(self, token_refresh_endpoint, **arguments):
    """The host of the authority is fixed in the source: put ours in its place."""
    assert token_refresh_endpoint.startswith(FIXED + "/"), token_refresh_endpoint
    here = os.environ["STRANGER_AUTHORITY"] + token_refresh_endpoint.removeprefix(FIXED)
    original(self, token_refresh_endpoint=here, **arguments)


dataverse.MicrosoftOauth2Authenticator.__init__ = init

if __name__ == "__main__":
    run()
