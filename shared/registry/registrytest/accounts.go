package registrytest

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// passwords are those of accounts that have one each.
func (t *Tokens) password(username, password string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for i := range t.live {
		if t.live[i].Username == username {
			t.live[i].Secret = password
			return true
		}
	}
	return false
}

// Nexus serves users as nexus-public's UserApiResource.java does.
type Nexus struct {
	Tokens
	// Username and Password are those of a user with nexus:*.
	Username, Password string
}

// ServeHTTP implements http.Handler.
func (n *Nexus) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if n.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/service/rest/v1/status" {
		return
	}
	username, password, _ := request.BasicAuth()
	rest, here := strings.CutPrefix(request.URL.Path, "/service/rest/v1/security/users/")
	user, change := strings.CutSuffix(rest, "/change-password")
	body, _ := io.ReadAll(request.Body)
	switch {
	case username != n.Username || password != n.Password:
		writer.WriteHeader(http.StatusForbidden)
	case !here || !change || request.Method != http.MethodPut:
		n.fault(request, "there is no such call")
		writer.WriteHeader(http.StatusMethodNotAllowed)
	case request.Header.Get("Content-Type") != "text/plain":
		n.fault(request, "the body is not declared as plain text")
		writer.WriteHeader(http.StatusUnsupportedMediaType)
	case strings.TrimSpace(string(body)) == "":
		answer(writer, http.StatusBadRequest, "Password must be supplied. "+n.Canary)
	case n.password(user, string(body)):
		writer.WriteHeader(http.StatusNoContent)
	default:
		answer(writer, http.StatusNotFound, "User '"+user+"' not found. "+n.Canary)
	}
}

// Quay serves robots as quay's endpoints/api/robot.py does.
type Quay struct {
	Tokens
	// Admin is an OAuth token with org:admin.
	Admin, Organization string
}

// ServeHTTP implements http.Handler.
func (q *Quay) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if q.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/api/v1/discovery" {
		return
	}
	rest, here := strings.CutPrefix(request.URL.Path, "/api/v1/organization/"+q.Organization+"/robots/")
	name, regenerate := strings.CutSuffix(rest, "/regenerate")
	switch {
	case request.Header.Get("Authorization") != "Bearer "+q.Admin:
		answer(writer, http.StatusForbidden, map[string]string{"error_message": q.Canary, "title": "insufficient_scope"})
	case !here || !regenerate || request.Method != http.MethodPost:
		q.fault(request, "there is no such call")
		answer(writer, http.StatusNotFound, map[string]string{"error_message": q.Canary})
	default:
		username := q.Organization + "+" + name
		q.mutex.Lock()
		q.minted++
		token := fmt.Sprintf("%s-regenerated-%d", q.Canary, q.minted)
		q.mutex.Unlock()
		if !q.password(username, token) {
			// Quay answers 400 for a robot that it does not know (InvalidRobotException).
			answer(writer, http.StatusBadRequest, map[string]string{"message": "Could not find robot with username: " + q.Canary})
			return
		}
		answer(writer, http.StatusOK, map[string]any{"name": username, "created": "Fri, 21 Aug 2026 10:00:00 -0000", "last_accessed": nil, "description": q.Canary, "token": token})
	}
}

// Harbor serves robots as its api/v2.0/swagger.yaml describes them.
type Harbor struct {
	Tokens
	// Username and Password are an administrator's; the robots are those of one
	// project, "" for the system's.
	Username, Password, Project string
	// Projects is how many each robot has permissions in; the list tells them all.
	Projects int
}

// ServeHTTP implements http.Handler.
func (h *Harbor) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if h.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/api/v2.0/ping" {
		return
	}
	fail := func(status int, code string) {
		answer(writer, status, map[string]any{"errors": []map[string]string{{"code": code, "message": h.Canary}}})
	}
	username, password, _ := request.BasicAuth()
	id, robot := strings.CutPrefix(request.URL.Path, "/api/v2.0/robots/")
	query := "Level=system"
	if h.Project != "" {
		query = "Level=project,ProjectID=7"
	}
	asked, like, _ := strings.Cut(request.URL.Query().Get("q"), ",name=~")
	switch {
	case username != h.Username || password != h.Password:
		fail(http.StatusUnauthorized, "UNAUTHORIZED")
	case request.Method == http.MethodGet && h.Project != "" && request.URL.Path == "/api/v2.0/projects/"+h.Project:
		if request.Header.Get("X-Is-Resource-Name") != "true" {
			h.fault(request, "the project's name would be taken for an id")
		}
		answer(writer, http.StatusOK, map[string]any{"project_id": 7, "name": h.Project, "owner_name": h.Canary})
	case request.Method == http.MethodGet && request.URL.Path == "/api/v2.0/robots":
		if asked != query || strings.ContainsAny(like, ",=+%") {
			h.fault(request, "the query is for other robots")
			fail(http.StatusBadRequest, "BAD_REQUEST")
			return
		}
		all := slices.DeleteFunc(h.Live(), func(token Token) bool { return !strings.Contains(token.Username, like) })
		robots, _, _ := page(request, all, "page_size", 10, 100)
		permissions := []map[string]any{}
		for n := range h.Projects {
			permissions = append(permissions, map[string]any{"kind": "project", "namespace": fmt.Sprintf("project-%d", n), "access": []map[string]string{
				{"resource": "repository", "action": "list"}, {"resource": "repository", "action": "pull"}, {"resource": "artifact", "action": "read"},
			}})
		}
		shown := []map[string]any{}
		for _, token := range robots {
			number, _ := strconv.Atoi(token.ID)
			shown = append(shown, map[string]any{"id": number, "name": token.Username, "description": h.Canary, "secret": "", "level": "project", "duration": -1, "editable": true, "disable": false, "expires_at": -1, "permissions": permissions})
		}
		writer.Header().Set("X-Total-Count", strconv.Itoa(len(all)))
		answer(writer, http.StatusOK, shown)
	case request.Method == http.MethodPatch && robot:
		h.refresh(writer, request, id, fail)
	default:
		h.fault(request, "there is no such call")
		fail(http.StatusNotFound, "NOT_FOUND")
	}
}

// refresh answers with an empty secret, since the caller chose it.
func (h *Harbor) refresh(writer http.ResponseWriter, request *http.Request, id string, fail func(int, string)) {
	body, ok := h.read(request, "secret")
	secret := text(body, "secret")
	if !ok || len(secret) < 8 || len(secret) > 128 || !strings.ContainsAny(secret, "0123456789") || strings.ToUpper(secret) == secret || strings.ToLower(secret) == secret {
		fail(http.StatusBadRequest, "BAD_REQUEST")
		return
	}
	for _, token := range h.Live() {
		if token.ID == id && h.password(token.Username, secret) {
			answer(writer, http.StatusOK, map[string]string{"secret": ""})
			return
		}
	}
	fail(http.StatusNotFound, "NOT_FOUND")
}
