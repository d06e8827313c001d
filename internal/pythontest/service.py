"""A service that knows our tokens by the key set alone.

service.py LIBRARY JWKS_URL ISSUER AUDIENCE ALGORITHM

LIBRARY is "pyjwt" or "simplejwt". It prints the port of its listener. A request with a bearer token gets 200 and
the token's claims, or 401. The key set is kept as each library keeps it. The program ends with its standard input.
"""

import json
import os
import sys
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

LIBRARY, JWKS_URL, ISSUER, AUDIENCE, ALGORITHM = sys.argv[1:]

# Seconds. The test moves the clock of the issuer, and this one stands where it stands.
LEEWAY = 120


def pyjwt():
    import jwt

    keys = jwt.PyJWKClient(JWKS_URL)

    def service(environ, start_response):
        kind, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        try:
            if kind != "Bearer":
                raise jwt.InvalidTokenError("no bearer token")
            key = keys.get_signing_key_from_jwt(token).key
            claims = jwt.decode(
                token, key, algorithms=[ALGORITHM], issuer=ISSUER, audience=AUDIENCE, leeway=LEEWAY,
                options={"require": ["exp", "iat", "iss", "aud", "sub"]},
            )
        except (jwt.InvalidTokenError, jwt.PyJWKClientError) as refused:
            start_response("401 Unauthorized", [("Content-Type", "text/plain")])
            return [str(refused).encode()]
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(claims).encode()]

    return service


def simplejwt():
    import django
    from django.conf import settings

    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
        ROOT_URLCONF=__name__,
        SECRET_KEY=os.urandom(32).hex(),
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTTokenUserAuthentication"],
            "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        },
        SIMPLE_JWT={
            "ALGORITHM": ALGORITHM,
            "JWK_URL": JWKS_URL,
            "ISSUER": ISSUER,
            "AUDIENCE": AUDIENCE,
            "LEEWAY": LEEWAY,
        },
    )
    django.setup()

    from django.core.wsgi import get_wsgi_application
    from django.urls import path
    from rest_framework.response import Response
    from rest_framework.views import APIView

    class Claims(APIView):
        def get(self, request):
            return Response(request.auth.payload)

    global urlpatterns
    urlpatterns = [path("", Claims.as_view())]
    return get_wsgi_application()


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


if __name__ == "__main__":
    server = make_server("127.0.0.1", 0, {"pyjwt": pyjwt, "simplejwt": simplejwt}[LIBRARY](), handler_class=Quiet)
    print(server.server_port, flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()
    server.shutdown()
