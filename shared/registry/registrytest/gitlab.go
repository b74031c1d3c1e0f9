package registrytest

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// GitLab serves deploy tokens as doc/api/deploy_tokens.md describes them.
type GitLab struct {
	Tokens
	// Admin is an access token with the scope api; Owner is "groups/acme".
	Admin, Owner string
}

// ServeHTTP implements http.Handler.
func (g *GitLab) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if g.limited(writer, "RateLimit-Reset", atUnixTime) {
		return
	}
	kind, id, _ := strings.Cut(g.Owner, "/")
	own := "/api/v4/" + kind + "/" + url.PathEscape(id) + "/deploy_tokens"
	rest, here := strings.CutPrefix(request.URL.EscapedPath(), own)
	switch {
	case request.Header.Get("PRIVATE-TOKEN") != g.Admin:
		answer(writer, http.StatusUnauthorized, map[string]string{"message": "401 Unauthorized " + g.Canary})
	case !here:
		answer(writer, http.StatusNotFound, map[string]string{"message": "404 Not Found " + g.Canary})
	case rest == "" && request.Method == http.MethodPost:
		body, ok := g.read(request, "name", "scopes")
		if !ok || len(texts(body, "scopes")) == 0 {
			answer(writer, http.StatusBadRequest, map[string]string{"error": "name, scopes are missing " + g.Canary})
			return
		}
		token := g.mint(strconv.Itoa, text(body, "name"), text(body, "username"), texts(body, "scopes"))
		shown := g.show(token)
		shown["token"] = token.Secret
		answer(writer, http.StatusCreated, shown)
	case rest == "" && request.Method == http.MethodGet:
		tokens, number, more := page(request, g.Live(), "per_page", 20, 100)
		writer.Header().Set("X-Next-Page", "")
		if more {
			writer.Header().Set("X-Next-Page", strconv.Itoa(number+1))
		}
		shown := []map[string]any{}
		for _, token := range tokens {
			shown = append(shown, g.show(token))
		}
		answer(writer, http.StatusOK, shown)
	case request.Method == http.MethodDelete && g.end(strings.TrimPrefix(rest, "/")):
		writer.WriteHeader(http.StatusNoContent)
	case request.Method == http.MethodDelete:
		answer(writer, http.StatusNotFound, map[string]string{"message": "404 Not Found " + g.Canary})
	default:
		g.fault(request, "there is no such call")
		answer(writer, http.StatusMethodNotAllowed, map[string]string{"error": "405 Not Allowed"})
	}
}

func (g *GitLab) show(token Token) map[string]any {
	id, _ := strconv.Atoi(token.ID)
	return map[string]any{
		"id": id, "name": token.Name, "username": token.Username, "expires_at": nil,
		"revoked": false, "expired": false, "scopes": token.Scopes,
	}
}
