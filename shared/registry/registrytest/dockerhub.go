package registrytest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// DockerHub serves access tokens as docs.docker.com describes them
// (content/reference/api/hub/latest.yaml).
type DockerHub struct {
	Tokens
	// Username and Password are the administrator's, Organization the one that
	// the user owns.
	Username, Password, Organization string
	// Limit is how many tokens the organization may have; 0 for any number.
	Limit int
	// Inactive are tokens that are switched off, by their ids; Pushes are resources that
	// may be pushed to as well.
	Inactive, Pushes map[string]bool
}

// ServeHTTP implements http.Handler.
func (d *DockerHub) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if d.limited(writer, "X-Retry-After", atUnixTime) {
		return
	}
	fail := func(status int, detail string) {
		answer(writer, status, map[string]string{"detail": detail + d.Canary, "message": d.Canary})
	}
	bearer := "jwt-" + d.Canary
	if request.URL.Path == "/v2/auth/token" && request.Method == http.MethodPost {
		body, ok := d.read(request, "identifier", "secret")
		if !ok || text(body, "identifier") != d.Username || text(body, "secret") != d.Password {
			fail(http.StatusUnauthorized, "Incorrect authentication credentials")
			return
		}
		answer(writer, http.StatusOK, map[string]string{"access_token": bearer})
		return
	}
	organization := "/v2/orgs/" + d.Organization + "/access-tokens"
	rest, personal := strings.CutPrefix(request.URL.Path, "/v2/access-tokens")
	if !personal {
		var ok bool
		if rest, ok = strings.CutPrefix(request.URL.Path, organization); !ok {
			fail(http.StatusNotFound, "")
			return
		}
	}
	kind := "user "
	if !personal {
		kind = "org "
	}
	switch {
	case request.Header.Get("Authorization") != "Bearer "+bearer:
		fail(http.StatusUnauthorized, "")
	case rest == "" && request.Method == http.MethodPost:
		d.create(writer, request, personal)
	case rest == "" && request.Method == http.MethodGet:
		var own []Token
		for _, token := range d.Live() {
			if strings.HasPrefix(token.ID, kind[:1]) {
				own = append(own, token)
			}
		}
		tokens, number, more := page(request, own, "page_size", 10, 100)
		document := map[string]any{"count": len(own), "total": len(own), "next": nil, "previous": nil}
		if more {
			document["next"] = fmt.Sprintf("https://evil.example.com%s?page=%d&page_size=10", request.URL.Path, number+1)
		}
		results := []map[string]any{}
		for _, token := range tokens {
			results = append(results, d.show(token, personal))
		}
		document["results"] = results
		answer(writer, http.StatusOK, document)
	case request.Method == http.MethodGet && !personal:
		d.resources(writer, strings.TrimPrefix(rest, "/"), fail)
	case request.Method == http.MethodDelete && d.end(strings.TrimPrefix(rest, "/")):
		writer.WriteHeader(http.StatusNoContent)
	case request.Method == http.MethodDelete:
		fail(http.StatusNotFound, "")
	default:
		d.fault(request, "there is no such call")
		fail(http.StatusMethodNotAllowed, "")
	}
}

func (d *DockerHub) create(writer http.ResponseWriter, request *http.Request, personal bool) {
	required, label, username := []string{"token_label", "scopes"}, "token_label", d.Username
	if !personal {
		required, label, username = []string{"label", "resources"}, "label", d.Organization
	}
	body, ok := d.read(request, required...)
	if !ok || len(text(body, label)) > 100 {
		answer(writer, http.StatusBadRequest, map[string]any{"fields": map[string]string{label: d.Canary}, "text": d.Canary})
		return
	}
	if !personal && d.Limit > 0 && d.organizations() >= d.Limit {
		answer(writer, http.StatusForbidden, map[string]string{"message": d.Canary})
		return
	}
	scopes := texts(body, "scopes")
	if !personal {
		scopes = paths(body)
	}
	token := d.mint(func(n int) string {
		return fmt.Sprintf("%.1s7a5ef25-8889-43a0-8cc7-%012d", map[bool]string{true: "u", false: "o"}[personal], n)
	}, text(body, label), username, scopes)
	shown := d.show(token, personal)
	shown["token"] = token.Secret
	answer(writer, http.StatusCreated, shown)
}

func (d *DockerHub) show(token Token, personal bool) map[string]any {
	if personal {
		return map[string]any{
			"uuid": token.ID, "client_id": d.Canary, "creator_ip": d.Canary, "creator_ua": d.Canary, "created_at": "2026-08-21T10:00:00.000000Z",
			"last_used": nil, "expires_at": token.end(time.RFC3339), "generated_by": "manual", "is_active": true, "token": "", "token_label": token.Name, "scopes": token.Scopes,
		}
	}
	return map[string]any{"id": token.ID, "label": token.Name, "created_by": d.Canary, "is_active": !d.Inactive[token.ID], "created_at": "2026-08-21T10:00:00Z", "expires_at": token.end(time.RFC3339), "last_used_at": nil}
}

// organizations counts the organization's tokens.
func (d *DockerHub) organizations() (count int) {
	for _, token := range d.Live() {
		if strings.HasPrefix(token.ID, "o") {
			count++
		}
	}
	return count
}

// paths are those of the resources that an organization's token is asked for, where
// it is to pull from them and nothing else.
func paths(body map[string]any) (paths []string) {
	resources, _ := body["resources"].([]any)
	for _, each := range resources {
		if resource, ok := each.(map[string]any); ok && text(resource, "type") == "TYPE_REPO" && slices.Equal(texts(resource, "scopes"), []string{"scope-image-pull"}) {
			paths = append(paths, text(resource, "path"))
		}
	}
	return paths
}

// resources shows an organization's token with what it may pull.
func (d *DockerHub) resources(writer http.ResponseWriter, id string, fail func(int, string)) {
	for _, token := range d.Live() {
		if token.ID != id {
			continue
		}
		shown, resources := d.show(token, false), []map[string]any{}
		for _, path := range token.Scopes {
			scopes := []string{"scope-image-pull"}
			if d.Pushes[path] {
				scopes = append(scopes, "scope-image-push")
			}
			resources = append(resources, map[string]any{"type": "TYPE_REPO", "path": path, "scopes": scopes})
		}
		resources = append(resources, map[string]any{"type": "TYPE_ORG", "path": d.Organization, "scopes": []string{"scope-member-read"}})
		shown["resources"] = resources
		answer(writer, http.StatusOK, shown)
		return
	}
	fail(http.StatusNotFound, "")
}
