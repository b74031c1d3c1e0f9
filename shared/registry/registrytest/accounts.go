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
	// Powerless are users without any role, Disabled those that are switched off.
	Powerless, Disabled map[string]bool
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
	case request.URL.Path == "/service/rest/v1/security/users" && request.Method == http.MethodGet:
		n.search(writer, request.URL.Query().Get("userId"), request.URL.Query().Get("source"))
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

// search gives the users whose ids begin with a text.
func (n *Nexus) search(writer http.ResponseWriter, begin, source string) {
	found := []map[string]any{}
	for _, token := range n.Live() {
		if source != "default" || !strings.HasPrefix(token.Username, begin) {
			continue
		}
		status, roles := "active", []string{"pullers"}
		if n.Disabled[token.Username] {
			status = "disabled"
		}
		if n.Powerless[token.Username] {
			roles = []string{}
		}
		found = append(found, map[string]any{
			"userId": token.Username, "firstName": n.Canary, "lastName": n.Canary, "emailAddress": n.Canary, "source": "default",
			"status": status, "readOnly": false, "roles": roles, "externalRoles": []string{},
		})
	}
	answer(writer, http.StatusOK, found)
}

// Quay serves robots as quay's endpoints/api/robot.py does.
type Quay struct {
	Tokens
	// Admin is an OAuth token with org:admin, or user:admin for a User's robots.
	Admin, Organization string
	User                bool
	// Powerless are robots without rights: they log in, and pull nothing.
	Powerless map[string]bool
}

// ServeHTTP implements http.Handler.
func (q *Quay) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	if q.limited(writer, "Retry-After", inSeconds) {
		return
	}
	if request.URL.Path == "/api/v1/discovery" {
		return
	}
	robots := "/api/v1/organization/" + q.Organization + "/robots"
	if q.User {
		robots = "/api/v1/user/robots"
	}
	rest, here := strings.CutPrefix(request.URL.Path, robots+"/")
	name, regenerate := strings.CutSuffix(rest, "/regenerate")
	switch {
	case request.Header.Get("Authorization") != "Bearer "+q.Admin:
		answer(writer, http.StatusForbidden, map[string]string{"error_message": q.Canary, "title": "insufficient_scope"})
	case request.URL.Path == robots && request.Method == http.MethodGet && request.URL.Query().Get("permissions") == "true":
		shown := []map[string]any{}
		for _, token := range q.Live() {
			repositories := []string{"app"}
			if q.Powerless[token.Username] {
				repositories = []string{}
			}
			shown = append(shown, map[string]any{"name": token.Username, "description": q.Canary, "teams": []string{}, "repositories": repositories})
		}
		answer(writer, http.StatusOK, map[string]any{"robots": shown})
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
	// Projects is how many each robot has permissions in, besides its own; the list
	// tells them all.
	Projects int
	// Ends and Disabled are of robots by their login names; -1 is never.
	Ends     map[string]int64
	Disabled map[string]bool
	// Powerless are robots that may not pull.
	Powerless map[string]bool
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
		shown := []map[string]any{}
		for _, token := range robots {
			number, _ := strconv.Atoi(token.ID)
			ends, limited := h.Ends[token.Username]
			if !limited {
				ends = -1
			}
			shown = append(shown, map[string]any{"id": number, "name": token.Username, "description": h.Canary, "secret": "", "level": h.level(), "duration": -1, "editable": true,
				"disable": h.Disabled[token.Username], "expires_at": ends, "permissions": h.permissions(token.Username)})
		}
		writer.Header().Set("X-Total-Count", strconv.Itoa(len(all)))
		answer(writer, http.StatusOK, shown)
	case request.Method == http.MethodPost && request.URL.Path == "/api/v2.0/robots":
		h.make(writer, request, fail)
	case request.Method == http.MethodDelete && robot:
		if h.end(id) {
			writer.WriteHeader(http.StatusOK)
			return
		}
		fail(http.StatusNotFound, "NOT_FOUND")
	case request.Method == http.MethodPatch && robot && strings.Contains(h.Username, "$"):
		// No robot updates another.
		fail(http.StatusForbidden, "FORBIDDEN")
	case request.Method == http.MethodPatch && robot:
		h.refresh(writer, request, id, fail)
	default:
		h.fault(request, "there is no such call")
		fail(http.StatusNotFound, "NOT_FOUND")
	}
}

func (h *Harbor) level() string {
	if h.Project == "" {
		return "system"
	}
	return "project"
}

func (h *Harbor) permissions(username string) []map[string]any {
	namespaces := []string{h.Project}
	if h.Project == "" {
		namespaces = []string{"*"}
	}
	for n := range h.Projects {
		namespaces = append(namespaces, fmt.Sprintf("project-%d", n))
	}
	permissions := []map[string]any{}
	for _, namespace := range namespaces {
		access := []map[string]string{{"resource": "repository", "action": "list"}, {"resource": "artifact", "action": "read"}}
		if !h.Powerless[username] {
			access = append(access, map[string]string{"resource": "repository", "action": "pull"})
		}
		permissions = append(permissions, map[string]any{"kind": "project", "namespace": namespace, "access": access})
	}
	return permissions
}

// make makes a robot. Harbor puts the prefix and the project before its name.
func (h *Harbor) make(writer http.ResponseWriter, request *http.Request, fail func(int, string)) {
	body, ok := h.read(request, "name", "level", "permissions")
	name := text(body, "name")
	if !ok || strings.ToLower(name) != name || text(body, "level") != h.level() || body["duration"] != float64(-1) {
		h.fault(request, "the robot is not as the rotation needs it")
		fail(http.StatusBadRequest, "BAD_REQUEST")
		return
	}
	login := "robot$" + name
	if h.Project != "" {
		login = "robot$" + h.Project + "+" + name
	}
	if slices.ContainsFunc(h.Live(), func(token Token) bool { return token.Username == login }) {
		h.fault(request, "there is such a robot already")
		fail(http.StatusConflict, "CONFLICT")
		return
	}
	token := h.mint(strconv.Itoa, name, login, nil)
	number, _ := strconv.Atoi(token.ID)
	answer(writer, http.StatusCreated, map[string]any{"id": number, "name": login, "secret": token.Secret, "creation_time": "2026-08-21T10:00:00Z", "expires_at": -1})
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
