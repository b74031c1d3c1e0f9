package endpoint

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// What a caller does to the connection once it has an answer cannot harm it.
func TestClientReadsAnswersWhole(t *testing.T) {
	// More than any buffer on the way holds.
	want := bytes.Repeat([]byte("answer "), 1<<20)
	server := httptest.NewServer(http.HandlerFunc(func(writer http.ResponseWriter, _ *http.Request) {
		_, _ = writer.Write(want)
	}))
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, bytes.NewReader([]byte("question")))
	if err != nil {
		t.Fatal(err)
	}
	response, err := NewClient().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	server.CloseClientConnections()
	got, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("read %d of %d bytes: %v", len(got), len(want), err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	}
}
