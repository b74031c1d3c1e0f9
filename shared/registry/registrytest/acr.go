package registrytest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ACR serves tokens of an Azure Container Registry as Azure's REST API describes
// them (Microsoft.ContainerRegistry 2025-11-01), and the login of a service
// principal (Microsoft identity platform, client credentials).
type ACR struct {
	Tokens
	// Tenant, Client and Secret are the service principal's, ID the registry's.
	Tenant, Client, Secret, ID string
	// Assertion, unless "", is a token that the login takes in place of the secret: the
	// service principal has a federated credential.
	Assertion string
	// begun are results that wait to be asked for, by the operation's name.
	begun map[string]map[string]any
}

// ServeHTTP implements http.Handler.
func (a *ACR) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if a.limited(writer, "Retry-After", inSeconds) {
		return
	}
	fail := func(status int, code string) {
		answer(writer, status, map[string]any{"error": map[string]string{"code": code, "message": a.Canary}})
	}
	bearer := "jwt-" + a.Canary
	if request.URL.Path == "/"+a.Tenant+"/oauth2/v2.0/token" && request.Method == http.MethodPost {
		if !a.takes(request) {
			answer(writer, http.StatusUnauthorized, map[string]string{"error": "invalid_client", "error_description": a.Canary})
			return
		}
		answer(writer, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": bearer})
		return
	}
	rest, here := strings.CutPrefix(request.URL.Path, a.ID)
	name, isToken := strings.CutPrefix(rest, "/tokens/")
	switch {
	case request.Header.Get("Authorization") != "Bearer "+bearer:
		fail(http.StatusUnauthorized, "AuthenticationFailed")
	case !here:
		fail(http.StatusNotFound, "ResourceNotFound")
	case request.URL.Query().Get("api-version") == "":
		a.fault(request, "there is no api-version")
		fail(http.StatusBadRequest, "MissingApiVersionParameter")
	case rest == "" && request.Method == http.MethodGet:
		answer(writer, http.StatusOK, map[string]any{"id": a.ID, "name": a.Canary})
	case rest == "/tokens" && request.Method == http.MethodGet:
		a.list(writer, request)
	case isToken && request.Method == http.MethodGet:
		for _, token := range a.Live() {
			if token.Username == name {
				answer(writer, http.StatusOK, a.show(token))
				return
			}
		}
		fail(http.StatusNotFound, "ResourceNotFound")
	case isToken && request.Method == http.MethodPut:
		a.put(writer, request, name, fail)
	case isToken && request.Method == http.MethodDelete:
		if a.end(name) {
			a.accept(writer, map[string]any{"status": "Succeeded"})
			return
		}
		writer.WriteHeader(http.StatusNoContent)
	case rest == "/generateCredentials" && request.Method == http.MethodPost:
		a.generate(writer, request, fail)
	case strings.HasPrefix(rest, "/operationStatuses/") && request.Method == http.MethodGet:
		a.mutex.Lock()
		result, known := a.begun[strings.TrimPrefix(rest, "/operationStatuses/")]
		a.mutex.Unlock()
		if !known {
			fail(http.StatusNotFound, "ResourceNotFound")
			return
		}
		answer(writer, http.StatusOK, result)
	default:
		a.fault(request, "there is no such call")
		fail(http.StatusMethodNotAllowed, "MethodNotAllowed")
	}
}

// takes reports whether a login has the service principal's secret, or the token of
// AWS in its place.
func (a *ACR) takes(login *http.Request) bool {
	form, secret := login.FormValue, login.FormValue("client_secret")
	if form("grant_type") != "client_credentials" || form("client_id") != a.Client || form("scope") != "https://management.azure.com/.default" {
		return false
	}
	federated := a.Assertion != "" && form("client_assertion") == a.Assertion && form("client_assertion_type") == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	return secret == "" && federated || secret != "" && secret == a.Secret
}

// accept begins an operation, whose result is asked for at Location.
func (a *ACR) accept(writer http.ResponseWriter, result map[string]any) {
	a.mutex.Lock()
	if a.begun == nil {
		a.begun = map[string]map[string]any{}
	}
	operation := fmt.Sprintf("operation-%d", len(a.begun)+1)
	a.begun[operation] = result
	a.mutex.Unlock()
	writer.Header().Set("Location", "https://evil.example.com"+a.ID+"/operationStatuses/"+operation+"?api-version=2025-11-01")
	writer.WriteHeader(http.StatusAccepted)
}

func (a *ACR) list(writer http.ResponseWriter, request *http.Request) {
	all := a.Live()
	from := 0
	if after := request.URL.Query().Get("$skiptoken"); after != "" {
		from = slices.IndexFunc(all, func(token Token) bool { return token.Username == after }) + 1
	}
	to := min(from+50, len(all))
	shown := []map[string]any{}
	for _, token := range all[from:to] {
		shown = append(shown, a.show(token))
	}
	document := map[string]any{"value": shown}
	if to < len(all) {
		document["nextLink"] = "https://evil.example.com" + a.ID + "/tokens?api-version=2025-11-01&$skiptoken=" + url.QueryEscape(all[to-1].Username)
	}
	answer(writer, http.StatusOK, document)
}

func (a *ACR) put(writer http.ResponseWriter, request *http.Request, name string, fail func(int, string)) {
	body, ok := a.read(request, "properties")
	properties, _ := body["properties"].(map[string]any)
	if !ok || len(name) < 5 || len(name) > 50 || strings.ContainsAny(name, "_.+$/") || text(properties, "scopeMapId") != a.ID+"/scopeMaps/pull" {
		a.fault(request, "the token is not as Azure takes it")
		fail(http.StatusBadRequest, "InvalidTokenName")
		return
	}
	if !slices.ContainsFunc(a.Live(), func(token Token) bool { return token.Username == name }) {
		// It has no password yet.
		a.Add(Token{ID: name, Name: "ecs-guardrails-" + name, Username: name, Ends: a.Ends})
	}
	answer(writer, http.StatusCreated, a.show(Token{Username: name}))
}

func (a *ACR) generate(writer http.ResponseWriter, request *http.Request, fail func(int, string)) {
	body, ok := a.read(request, "tokenId", "name")
	name, here := strings.CutPrefix(text(body, "tokenId"), a.ID+"/tokens/")
	a.mutex.Lock()
	a.minted++
	password := fmt.Sprintf("%s-generated-%d", a.Canary, a.minted)
	a.mutex.Unlock()
	if !ok || !here || text(body, "name") != "password1" || !a.password(name, password) {
		fail(http.StatusNotFound, "TokenNotFound")
		return
	}
	a.accept(writer, map[string]any{"username": name, "passwords": []map[string]string{{"name": "password1", "value": password, "creationTime": "2026-08-21T10:00:00Z"}}})
}

func (a *ACR) show(token Token) map[string]any {
	password := map[string]any{"name": "password1", "creationTime": "2026-08-21T10:00:00Z"}
	if ends := token.end(time.RFC3339); ends != nil {
		password["expiry"] = ends
	}
	return map[string]any{"id": a.ID + "/tokens/" + token.Username, "name": token.Username, "type": a.Canary,
		"properties": map[string]any{
			"provisioningState": "Succeeded", "scopeMapId": a.ID + "/scopeMaps/pull", "status": "enabled",
			"credentials": map[string]any{"certificates": []any{}, "passwords": []any{password}},
		}}
}
