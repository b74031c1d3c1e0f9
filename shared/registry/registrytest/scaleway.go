package registrytest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Scaleway serves API keys as the documentation of its IAM API describes them.
type Scaleway struct {
	Tokens
	// Key is an administrator's secret key, Application the one that keys are for.
	Key, Application string
}

// ServeHTTP implements http.Handler.
func (s *Scaleway) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if s.limited(writer, "Retry-After", inSeconds) {
		return
	}
	rest, here := strings.CutPrefix(request.URL.Path, "/iam/v1alpha1/api-keys")
	switch {
	case request.Header.Get("X-Auth-Token") != s.Key:
		answer(writer, http.StatusUnauthorized, map[string]string{"message": "authentication is denied " + s.Canary, "type": "denied_authentication"})
	case !here:
		answer(writer, http.StatusNotFound, map[string]string{"message": s.Canary, "type": "not_found"})
	case rest == "" && request.Method == http.MethodPost:
		body, ok := s.read(request, "application_id", "description")
		if !ok || text(body, "application_id") != s.Application || len(text(body, "description")) > 200 {
			answer(writer, http.StatusBadRequest, map[string]string{"message": s.Canary, "type": "invalid_arguments"})
			return
		}
		token := s.mint(func(n int) string { return "SCW" + strconv.Itoa(n) }, text(body, "description"), "nologin", nil)
		shown := s.show(token)
		shown["secret_key"] = token.Secret
		answer(writer, http.StatusOK, shown)
	case rest == "" && request.Method == http.MethodGet:
		if request.URL.Query().Get("bearer_id") != s.Application {
			s.fault(request, "the keys of everybody are asked for")
		}
		keys, _, _ := page(request, s.Live(), "page_size", 20, 100)
		shown := []map[string]any{}
		for _, token := range keys {
			shown = append(shown, s.show(token))
		}
		answer(writer, http.StatusOK, map[string]any{"api_keys": shown, "total_count": len(s.Live())})
	case request.Method == http.MethodDelete:
		if s.end(strings.TrimPrefix(rest, "/")) {
			writer.WriteHeader(http.StatusNoContent)
			return
		}
		answer(writer, http.StatusNotFound, map[string]string{"message": s.Canary, "type": "not_found"})
	default:
		s.fault(request, "there is no such call")
		answer(writer, http.StatusMethodNotAllowed, map[string]string{"message": s.Canary})
	}
}

func (s *Scaleway) show(token Token) map[string]any {
	return map[string]any{"access_key": token.ID, "secret_key": nil, "application_id": s.Application, "description": token.Name, "expires_at": token.end(time.RFC3339), "editable": true, "creation_ip": s.Canary}
}
