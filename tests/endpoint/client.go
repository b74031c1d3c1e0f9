package endpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Client is an HTTP client for AWS SDKs on the machine that the emulator runs
// on. It reads an answer whole before it hands it over.
//
// The SDK for Go closes a request's body as soon as the answer begins (smithy-go,
// transport/http/client.go, ClientHandler.Handle). An answer that comes within
// microseconds finds net/http still looking for that body's end: it breaks the
// connection off, the SDK cannot read the rest of the answer, and makes the call
// again. A message is then sent twice, and a role "exists already".
type Client struct{ client http.Client }

// NewClient returns one with its own connections.
func NewClient() *Client {
	return &Client{http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: IdleTime},
		// As the SDK's own client: it follows redirects itself.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Do sends a request (aws.HTTPClient).
func (c *Client) Do(request *http.Request) (*http.Response, error) {
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}
