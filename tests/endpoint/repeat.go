package endpoint

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"

	"github.com/ecs-guardrails/ecs-guardrails/tests/awscall"
)

// Repeat makes a call of a JSON service once more, past the endpoint, with other
// values for some of its parameters, and returns the answer.
func Repeat(ctx context.Context, emulator *url.URL, exchange awscall.Exchange, parameters map[string]any) ([]byte, error) {
	all := maps.Clone(exchange.Parameters)
	maps.Copy(all, parameters)
	body, err := json.Marshal(all)
	if err != nil {
		return nil, fmt.Errorf("writing the call %s: %w", exchange.Call.Name(), err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, emulator.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("repeating %s: %w", exchange.Call.Name(), err)
	}
	request.Header = exchange.Header.Clone()
	request.Header.Del("Accept-Encoding")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("repeating %s: %w", exchange.Call.Name(), err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("repeating %s: %w", exchange.Call.Name(), err)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("repeating %s: status %d: %s", exchange.Call.Name(), response.StatusCode, answer)
	}
	return answer, nil
}
