"""The app with the routes from which the latent map fetches its numbers; `latentviz app` serves it."""

import streamlit as st

from latentviz.app.scatter import served

app = st.App("app.py", routes=served.routes())
