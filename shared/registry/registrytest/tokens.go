package registrytest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Token is a credential that a server minted.
type Token struct {
	ID                     string
	Name, Username, Secret string
	Scopes                 []string
	// Ends is when it stops working; zero for never.
	Ends time.Time
}

// end gives the end in a vendor's form, nil for never.
func (t Token) end(layout string) any {
	if t.Ends.IsZero() {
		return nil
	}
	return t.Ends.UTC().Format(layout)
}

// Tokens are a server's, with what all servers have in common: a rate limit,
// and a canary in every text of theirs.
type Tokens struct {
	// Canary is written wherever an answer has room for the server's own words.
	Canary string
	// Limited is the number of calls that are answered with 429 first.
	Limited int
	// Ends is when tokens end that are minted from now on; zero for never.
	Ends time.Time

	mutex  sync.Mutex
	minted int
	live   []Token
	// wrong are requests that the API's description does not allow.
	wrong []string
}

// Add puts a token there that somebody else made.
func (t *Tokens) Add(token Token) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.live = append(t.live, token)
}

// Revoke ends a token, as a person does in the registry's console.
func (t *Tokens) Revoke(id string) { t.end(id) }

// Replace gives a token another secret, as a call of somebody else's does.
func (t *Tokens) Replace(id, secret string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	for i := range t.live {
		if t.live[i].ID == id {
			t.live[i].Secret = secret
		}
	}
}

// Live gives the tokens that work.
func (t *Tokens) Live() []Token {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.live)
}

// Wrong gives the requests that the API's description does not allow.
func (t *Tokens) Wrong() []string {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return slices.Clone(t.wrong)
}

// Accepts says whether a token works for a user.
func (t *Tokens) Accepts(username, password string) bool {
	return slices.ContainsFunc(t.Live(), func(token Token) bool { return token.Username == username && token.Secret == password })
}

func (t *Tokens) mint(id func(int) string, name, username string, scopes []string) Token {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.minted++
	token := Token{id(t.minted), name, username, fmt.Sprintf("%s-minted-%d", t.Canary, t.minted), scopes, t.Ends}
	t.live = append(t.live, token)
	return token
}

// end revokes a token, and says whether it was there.
func (t *Tokens) end(id string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	before := len(t.live)
	t.live = slices.DeleteFunc(t.live, func(token Token) bool { return token.ID == id })
	return len(t.live) < before
}

// limited answers with 429, as long as it is to.
func (t *Tokens) limited(writer http.ResponseWriter, header string, value func(time.Duration) string) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.Limited == 0 {
		return false
	}
	t.Limited--
	writer.Header().Set(header, value(3*time.Second))
	writer.WriteHeader(http.StatusTooManyRequests)
	_, _ = io.WriteString(writer, `{"detail":"Rate limit exceeded `+t.Canary+`"}`)
	return true
}

func inSeconds(wait time.Duration) string { return strconv.Itoa(int(wait.Seconds())) }
func atUnixTime(wait time.Duration) string {
	return strconv.FormatInt(time.Now().Add(wait).Unix(), 10)
}

// fault notes a request that the API's description does not allow.
func (t *Tokens) fault(request *http.Request, problem string) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.wrong = append(t.wrong, request.Method+" "+request.URL.EscapedPath()+": "+problem)
}

// read takes a JSON body of the fields that are required, and notes what is wrong.
func (t *Tokens) read(request *http.Request, required ...string) (map[string]any, bool) {
	var body map[string]any
	if !strings.HasPrefix(request.Header.Get("Content-Type"), "application/json") {
		t.fault(request, "the body is not declared as JSON")
		return nil, false
	}
	if err := json.NewDecoder(request.Body).Decode(&body); err != nil {
		t.fault(request, "the body is no JSON")
		return nil, false
	}
	for _, field := range required {
		if value, ok := body[field]; !ok || value == "" {
			t.fault(request, "the field "+field+" is missing")
			return nil, false
		}
	}
	return body, true
}

func text(body map[string]any, field string) string {
	value, _ := body[field].(string)
	return value
}

func texts(body map[string]any, field string) []string {
	values, _ := body[field].([]any)
	var texts []string
	for _, value := range values {
		if text, ok := value.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

func answer(writer http.ResponseWriter, status int, document any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	_ = json.NewEncoder(writer).Encode(document)
}

// page cuts a page out of a list.
func page[T any](request *http.Request, all []T, sizeName string, defaultSize, maxSize int) (items []T, number int, more bool) {
	number, _ = strconv.Atoi(request.URL.Query().Get("page"))
	number = max(number, 1)
	size, _ := strconv.Atoi(request.URL.Query().Get(sizeName))
	if size <= 0 {
		size = defaultSize
	}
	size = min(size, maxSize)
	from := min((number-1)*size, len(all))
	to := min(from+size, len(all))
	return all[from:to], number, to < len(all)
}
