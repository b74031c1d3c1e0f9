package registrytest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Gitea serves access tokens as templates/swagger/v1_json.tmpl describes them.
type Gitea struct {
	Tokens
	// Username is the user's whose tokens are served, Password the user's own, or a
	// token with write:user and read:package.
	Username, Password string
	// Administrator may make that user's tokens, too, with the same Password; "" for
	// no one else.
	Administrator string
}

// ServeHTTP implements http.Handler.
func (g *Gitea) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if g.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/api/v1/version" {
		return
	}
	username, password, basic := request.BasicAuth()
	rest, here := strings.CutPrefix(request.URL.Path, "/api/v1/users/"+g.Username+"/tokens")
	switch {
	case !basic || username != g.Username && (g.Administrator == "" || username != g.Administrator) || password != g.Password:
		answer(writer, http.StatusUnauthorized, map[string]string{"message": "invalid username or password " + g.Canary})
	case !here:
		answer(writer, http.StatusNotFound, map[string]string{"message": g.Canary})
	case rest == "" && request.Method == http.MethodPost:
		body, ok := g.read(request, "name", "scopes")
		used := slices.ContainsFunc(g.Live(), func(token Token) bool { return token.Name == text(body, "name") })
		if !ok || used {
			if used {
				g.fault(request, "the name is used already")
			}
			answer(writer, http.StatusBadRequest, map[string]string{"message": "access token name has been used already " + g.Canary})
			return
		}
		token := g.mint(strconv.Itoa, text(body, "name"), g.Username, texts(body, "scopes"))
		shown := g.show(token)
		shown["sha1"] = token.Secret
		answer(writer, http.StatusCreated, shown)
	case rest == "" && request.Method == http.MethodGet:
		// A server with MAX_RESPONSE_ITEMS below what is asked for.
		tokens, _, _ := page(request, g.Live(), "limit", 30, 20)
		shown := []map[string]any{}
		for _, token := range tokens {
			shown = append(shown, g.show(token))
		}
		writer.Header().Set("X-Total-Count", strconv.Itoa(len(g.Live())))
		answer(writer, http.StatusOK, shown)
	case request.Method == http.MethodDelete && g.end(strings.TrimPrefix(rest, "/")):
		writer.WriteHeader(http.StatusNoContent)
	case request.Method == http.MethodDelete:
		answer(writer, http.StatusNotFound, map[string]string{"message": g.Canary})
	default:
		g.fault(request, "there is no such call")
		answer(writer, http.StatusMethodNotAllowed, map[string]string{})
	}
}

func (g *Gitea) show(token Token) map[string]any {
	id, _ := strconv.Atoi(token.ID)
	return map[string]any{"id": id, "name": token.Name, "sha1": "", "token_last_eight": g.Canary[:8], "scopes": token.Scopes}
}
