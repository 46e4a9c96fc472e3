"""Where moto finds Amplify: every path of its endpoint."""

from __future__ import annotations

from tests.fakes.amplify.moto_adapter.responses import AmplifyResponse

url_bases = [r"https?://amplify\.(.+)\.amazonaws\.com"]
url_paths = {r"{0}/(apps|tags)(/.*)?$": AmplifyResponse.dispatch}
