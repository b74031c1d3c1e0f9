package registrytest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// recorded are statuses and fields that real servers answered (README.md says which).
//
//go:embed testdata/answers.json
var recorded []byte

const (
	admin      = "administrator"
	adminToken = "administrators-password"
)

type testServer interface {
	http.Handler
	Add(Token)
}

// servers are those that real answers are known of. Each has the same two accounts.
var servers = map[string]func() testServer{
	"harbor":             func() testServer { return &Harbor{Username: admin, Password: adminToken, Project: "acme"} },
	"harbor, by a robot": func() testServer { return &Harbor{Username: "robot$acme+maker", Password: adminToken, Project: "acme"} },
	"quay":               func() testServer { return &Quay{Admin: adminToken, Organization: "acme"} },
	"quay, a user's":     func() testServer { return &Quay{Admin: adminToken, Organization: "acme", User: true} },
	"gitea": func() testServer {
		return &Gitea{Tokens: Tokens{Canary: "canary-of-gitea"}, Username: "acme+ecs", Password: adminToken}
	},
	"gitea, by a site administrator": func() testServer {
		return &Gitea{Tokens: Tokens{Canary: "canary-of-gitea"}, Username: "acme+ecs", Password: adminToken, Administrator: admin}
	},
}

// TestAnswersAreTheRealOnes holds the servers against what real ones answered.
func TestAnswersAreTheRealOnes(t *testing.T) {
	var answers []struct {
		Server, What, As, Method, Path string
		Body                           json.RawMessage
		Status                         int
		Fields                         map[string]string
	}
	if err := json.Unmarshal(recorded, &answers); err != nil {
		t.Fatal(err)
	}
	for _, want := range answers {
		t.Run(want.Server+": "+want.What, func(t *testing.T) {
			server := servers[want.Server]()
			server.Add(Token{ID: "41", Name: "first", Username: "robot$acme+first", Secret: "x", Scopes: []string{"read:package"}})
			server.Add(Token{ID: "42", Name: "second", Username: "acme+ecs", Secret: "x", Scopes: []string{"read:package"}})
			request := httptest.NewRequest(want.Method, want.Path, bytes.NewReader(want.Body))
			if len(want.Body) > 0 {
				request.Header.Set("Content-Type", "application/json")
			}
			password := adminToken
			if want.As == "nobody" {
				password = "wrong"
			}
			switch {
			case strings.HasPrefix(want.Server, "quay"):
				request.Header.Set("Authorization", "Bearer "+password)
			case want.Server == "harbor, by a robot":
				request.SetBasicAuth("robot$acme+maker", password)
			case want.Server == "gitea":
				request.SetBasicAuth("acme+ecs", password)
			default:
				request.SetBasicAuth(admin, password)
			}
			got := httptest.NewRecorder()
			server.ServeHTTP(got, request)
			if got.Code != want.Status {
				t.Fatalf("status %d, want %d: %s", got.Code, want.Status, got.Body)
			}
			if len(want.Fields) == 0 {
				return
			}
			var document any
			if err := json.Unmarshal(got.Body.Bytes(), &document); err != nil {
				t.Fatal(err)
			}
			for path, kind := range want.Fields {
				values := at([]any{document}, path)
				if len(values) == 0 {
					t.Errorf("%s is not in %s", path, got.Body)
				}
				for _, value := range values {
					if kindOf(value) != kind {
						t.Errorf("%s is of the kind %s, want %s", path, kindOf(value), kind)
					}
				}
			}
		})
	}
}

// at gives the values of a path such as "[].permissions[].kind".
func at(values []any, path string) []any {
	for _, part := range strings.Split(path, ".") {
		name, each := strings.CutSuffix(part, "[]")
		var next []any
		for _, value := range values {
			if object, ok := value.(map[string]any); ok && name != "" {
				found, there := object[name]
				if !there {
					continue
				}
				value = found
			}
			if list, ok := value.([]any); ok && each {
				next = append(next, list...)
				continue
			}
			next = append(next, value)
		}
		values = next
	}
	return values
}

func kindOf(value any) string {
	switch value := value.(type) {
	case string:
		if value == "" {
			return "empty"
		}
		return "string"
	case float64:
		return "number"
	case bool:
		return "bool"
	case []any:
		return "list"
	}
	return "none"
}
