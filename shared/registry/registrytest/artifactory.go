package registrytest

import (
	"fmt"
	"net/http"
	"strings"
)

// Artifactory serves access tokens as JFrog's "Access Tokens" API is described.
type Artifactory struct {
	Tokens
	// Admin is an access token of an administrator.
	Admin string
	// References says that the platform makes reference tokens.
	References bool
}

// ServeHTTP implements http.Handler.
func (a *Artifactory) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if a.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/access/api/v1/system/ping" {
		return
	}
	fail := func(status int, code string) {
		answer(writer, status, map[string]any{"errors": []map[string]string{{"code": code, "message": a.Canary, "detail": a.Canary}}})
	}
	rest, here := strings.CutPrefix(request.URL.Path, "/access/api/v1/tokens")
	switch {
	case request.Header.Get("Authorization") != "Bearer "+a.Admin:
		fail(http.StatusUnauthorized, "UNAUTHORIZED")
	case !here:
		fail(http.StatusNotFound, "NOT_FOUND")
	case rest == "" && request.Method == http.MethodPost:
		body, ok := a.read(request)
		if !ok || len(text(body, "username")) > 255 || len(text(body, "description")) > 1024 {
			fail(http.StatusBadRequest, "BAD_REQUEST")
			return
		}
		token := a.mint(func(n int) string { return fmt.Sprintf("0a1b2c3d-%d", n) }, text(body, "description"), text(body, "username"), []string{text(body, "scope")})
		shown := map[string]any{"token_id": token.ID, "scope": text(body, "scope"), "token_type": "Bearer", "access_token": token.Secret}
		if a.References && body["include_reference_token"] == true {
			shown["access_token"], shown["reference_token"] = "jwt-"+a.Canary, token.Secret
		}
		answer(writer, http.StatusOK, shown)
	case rest == "" && request.Method == http.MethodGet:
		filter, wild := strings.CutSuffix(request.URL.Query().Get("description"), "*")
		tokens := []map[string]any{}
		for _, token := range a.Live() {
			if token.Name == filter || wild && strings.HasPrefix(token.Name, filter) {
				shown := map[string]any{
					"token_id": token.ID, "subject": "jfac@" + a.Canary + "/users/" + token.Username,
					"issued_at": 1787000000, "issuer": a.Canary, "description": token.Name, "refreshable": false,
				}
				if !token.Ends.IsZero() {
					shown["expiry"] = token.Ends.Unix()
				}
				tokens = append(tokens, shown)
			}
		}
		answer(writer, http.StatusOK, map[string]any{"tokens": tokens})
	case request.Method == http.MethodDelete && a.end(strings.TrimPrefix(rest, "/")):
		writer.WriteHeader(http.StatusOK)
	case request.Method == http.MethodDelete:
		writer.WriteHeader(http.StatusNoContent)
	default:
		a.fault(request, "there is no such call")
		fail(http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED")
	}
}
