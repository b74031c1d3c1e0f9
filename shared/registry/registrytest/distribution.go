package registrytest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Distribution is a registry as distribution serves it, asking for basic
// authentication, or for a bearer token where Realm is set
// (distribution, docs/spec/auth/token.md; registry/auth/htpasswd/access.go).
type Distribution struct {
	// Accepts says whether a credential is good.
	Accepts func(username, password string) bool
	// Images are "name:reference".
	Images map[string]bool
	// Realm is the address of the token server, which Distribution is as well.
	Realm, Service string
	// Canary is written wherever the answer has room for a server's own words.
	Canary string
}

// ServeHTTP implements http.Handler.
func (d *Distribution) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if d.Canary != "" {
		writer.Header().Set("X-Canary", d.Canary)
	}
	switch {
	case d.Realm != "" && strings.HasSuffix(d.Realm, request.URL.Path) && !strings.HasPrefix(request.URL.Path, "/v2/"):
		d.serveToken(writer, request)
	case !strings.HasPrefix(request.URL.Path, "/v2/"):
		d.refuse(writer, http.StatusNotFound, "NOT_FOUND")
	case !d.authenticated(request):
		if d.Realm != "" {
			writer.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=%q,error=%q", d.Realm, d.Service, d.Canary))
		} else {
			writer.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", "Registry "+d.Canary))
		}
		d.refuse(writer, http.StatusUnauthorized, "UNAUTHORIZED")
	case request.URL.Path == "/v2/":
		_, _ = writer.Write([]byte("{}"))
	default:
		name, reference, ok := strings.Cut(strings.TrimPrefix(request.URL.Path, "/v2/"), "/manifests/")
		if !ok || !d.Images[name+":"+reference] {
			d.refuse(writer, http.StatusNotFound, "MANIFEST_UNKNOWN")
			return
		}
		writer.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	}
}

// authenticated checks either form. A token of this server is its user and
// password in base64: good enough for a server without a clock.
func (d *Distribution) authenticated(request *http.Request) bool {
	if d.Realm == "" {
		username, password, ok := request.BasicAuth()
		return ok && d.Accepts(username, password)
	}
	token, ok := strings.CutPrefix(request.Header.Get("Authorization"), "Bearer ")
	decoded, err := base64.StdEncoding.DecodeString(token)
	username, password, whole := strings.Cut(string(decoded), "\x00")
	return ok && err == nil && whole && d.Accepts(username, password)
}

func (d *Distribution) serveToken(writer http.ResponseWriter, request *http.Request) {
	username, password, ok := request.BasicAuth()
	if !ok || !d.Accepts(username, password) || request.URL.Query().Get("service") != d.Service {
		d.refuse(writer, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	_ = json.NewEncoder(writer).Encode(map[string]any{
		"token": base64.StdEncoding.EncodeToString([]byte(username + "\x00" + password)), "expires_in": 300, "issued_at": "2026-08-21T10:00:00Z", "refresh_token": d.Canary,
	})
}

func (d *Distribution) refuse(writer http.ResponseWriter, status int, code string) {
	writer.WriteHeader(status)
	_ = json.NewEncoder(writer).Encode(map[string]any{
		"errors": []map[string]any{{"code": code, "message": "refused " + d.Canary, "detail": d.Canary}},
	})
}
