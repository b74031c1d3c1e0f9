package registrytest

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Cloudsmith serves entitlement tokens as the API's bindings describe them
// (EntitlementsApi).
type Cloudsmith struct {
	Tokens
	// Key is an administrator's API key, Repository OWNER/NAME.
	Key, Repository string
}

// ServeHTTP implements http.Handler.
func (c *Cloudsmith) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if c.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/v1/status/check/basic/" {
		return
	}
	rest, here := strings.CutPrefix(request.URL.Path, "/v1/entitlements/"+c.Repository+"/")
	switch {
	case request.Header.Get("X-Api-Key") != c.Key:
		answer(writer, http.StatusUnauthorized, map[string]string{"detail": "Invalid token. " + c.Canary})
	case !here:
		answer(writer, http.StatusNotFound, map[string]string{"detail": c.Canary})
	case rest == "" && request.Method == http.MethodPost:
		body, ok := c.read(request, "name")
		if !ok {
			answer(writer, http.StatusBadRequest, map[string]string{"detail": c.Canary})
			return
		}
		token := c.mint(func(n int) string { return "slug" + strconv.Itoa(n) }, text(body, "name"), "token", nil)
		shown := c.show(token)
		shown["token"] = token.Secret
		answer(writer, http.StatusCreated, shown)
	case rest == "" && request.Method == http.MethodGet:
		all := c.Live()
		tokens, _, _ := page(request, all, "page_size", 30, 50)
		shown := []map[string]any{}
		for _, token := range tokens {
			shown = append(shown, c.show(token))
		}
		writer.Header().Set("X-Pagination-PageTotal", strconv.Itoa((len(all)+49)/50))
		answer(writer, http.StatusOK, shown)
	case request.Method == http.MethodDelete && strings.HasSuffix(rest, "/"):
		if c.end(strings.TrimSuffix(rest, "/")) {
			writer.WriteHeader(http.StatusNoContent)
			return
		}
		answer(writer, http.StatusNotFound, map[string]string{"detail": c.Canary})
	default:
		c.fault(request, "there is no such call")
		answer(writer, http.StatusMethodNotAllowed, map[string]string{"detail": c.Canary})
	}
}

func (c *Cloudsmith) show(token Token) map[string]any {
	return map[string]any{"slug_perm": token.ID, "name": token.Name, "token": "****", "is_active": true, "limit_date_range_to": token.end(time.RFC3339), "created_by": c.Canary}
}
