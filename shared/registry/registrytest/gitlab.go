package registrytest

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// GitLab serves deploy tokens as doc/api/deploy_tokens.md describes them, or
// access tokens as doc/api/group_access_tokens.md and
// lib/api/resource_access_tokens.rb do.
type GitLab struct {
	Tokens
	// Admin is an access token with the scope api; Owner is "groups/acme".
	Admin, Owner string
	// Access says that the tokens are access tokens.
	Access bool
	// Now is the server's clock.
	Now func() time.Time
}

// Accepts takes an access token with any user name, as GitLab does
// (lib/gitlab/auth.rb, personal_access_token_check).
func (g *GitLab) Accepts(username, password string) bool {
	if !g.Access {
		return g.Tokens.Accepts(username, password)
	}
	return username != "" && slices.ContainsFunc(g.Live(), func(token Token) bool { return token.Secret == password })
}

// ServeHTTP implements http.Handler.
func (g *GitLab) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if g.limited(writer, "RateLimit-Reset", atUnixTime) {
		return
	}
	if request.URL.Path == "/api/v4/version" {
		return
	}
	kind, id, _ := strings.Cut(g.Owner, "/")
	own := "/api/v4/" + kind + "/" + url.PathEscape(id) + map[bool]string{true: "/access_tokens", false: "/deploy_tokens"}[g.Access]
	rest, here := strings.CutPrefix(request.URL.EscapedPath(), own)
	switch {
	case request.Header.Get("PRIVATE-TOKEN") != g.Admin:
		answer(writer, http.StatusUnauthorized, map[string]string{"message": "401 Unauthorized " + g.Canary})
	case !here:
		answer(writer, http.StatusNotFound, map[string]string{"message": "404 Not Found " + g.Canary})
	case rest == "" && request.Method == http.MethodPost:
		g.create(writer, request)
	case rest == "" && request.Method == http.MethodGet:
		if wanted := map[bool]string{true: "state", false: "active"}[g.Access]; request.URL.Query().Get(wanted) == "" {
			g.fault(request, "tokens of the past are asked for, too")
		}
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

func (g *GitLab) create(writer http.ResponseWriter, request *http.Request) {
	required := []string{"name", "scopes"}
	if g.Access {
		// Required from GitLab 16.0 on, and optional again in the newest.
		required = append(required, "expires_at")
	}
	body, ok := g.read(request, required...)
	if !ok || len(texts(body, "scopes")) == 0 {
		answer(writer, http.StatusBadRequest, map[string]string{"error": "name, scopes are missing " + g.Canary})
		return
	}
	username := text(body, "username")
	if g.Access {
		end, err := time.Parse(time.DateOnly, text(body, "expires_at"))
		if level, _ := body["access_level"].(float64); err != nil || level != 20 || body["username"] != nil {
			g.fault(request, "the end is no date, the role is not the least that pulls, or there is a user name")
		}
		if today := g.Now().Truncate(24 * time.Hour); end.Before(today) || end.After(today.AddDate(0, 0, 365)) {
			answer(writer, http.StatusBadRequest, map[string]string{"message": "400 Bad request - Expires at must expire in 365 days " + g.Canary})
			return
		}
		username, g.Ends = "group_141_bot_"+g.Canary, end
	}
	token := g.mint(strconv.Itoa, text(body, "name"), username, texts(body, "scopes"))
	shown := g.show(token)
	shown["token"] = token.Secret
	answer(writer, http.StatusCreated, shown)
}

func (g *GitLab) show(token Token) map[string]any {
	id, _ := strconv.Atoi(token.ID)
	if g.Access {
		return map[string]any{
			"user_id": 141, "scopes": token.Scopes, "name": token.Name, "expires_at": token.end(time.DateOnly), "id": id, "active": true,
			"created_at": "2026-08-21T10:00:00.000Z", "revoked": false, "last_used_at": nil, "access_level": 20,
		}
	}
	return map[string]any{
		"id": id, "name": token.Name, "username": token.Username, "expires_at": token.end("2006-01-02T15:04:05.000Z07:00"),
		"revoked": false, "expired": false, "scopes": token.Scopes,
	}
}
