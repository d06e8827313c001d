// Package pythontest holds access tokens against the libraries with which Python services read them, over real HTTP:
// PyJWT and djangorestframework-simplejwt, as Debian packages them. service.py is such a service, and the test beside it
// starts it before the real handler. It is not a client for Python services; docs/gateways.md says how to set one up.
package pythontest
