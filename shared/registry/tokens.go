package registry

import (
	"context"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Token is a token as a registry lists it: without its secret.
type Token struct {
	ID string
	// Name is the name, label or description that it was minted with.
	Name string
	// Ends is when the registry ends it; zero where that is never, or not told.
	Ends time.Time
	// Username is the user that it is for, where the list tells.
	Username string
	// Inactive says that the registry takes it no more.
	Inactive bool
}

// Pages is a listing of tokens in pages that are numbered from 1 by the query
// parameter "page". P is a page's JSON.
type Pages[P any] struct {
	// Call asks for the first page; its query sets the page's size.
	Call Call
	// Tokens gives those of a page.
	Tokens func(P) []Token
	// Last reports whether a page says that it is the last one. It saves a call: a
	// page without anything new is the end in any case, also at a server that gives
	// fewer tokens than were asked for, or the same ones again. May be nil.
	Last func(page P, number int, header http.Header) bool
}

// List gives the tokens that were minted for the order's secret, in the order of
// the listing.
func (p Pages[P]) List(ctx context.Context, api *API, order Order) ([]Issued, error) {
	var issued []Issued
	err := p.Walk(ctx, api, func(token Token) {
		if version, ours := order.TokenVersion(token.Name); ours {
			issued = append(issued, Issued{ID: token.ID, Version: version, Ends: token.Ends})
		}
	})
	if err != nil {
		return nil, err
	}
	return issued, nil
}

// Walk visits all tokens of the listing, not only those that we minted. It reads at most
// MaxPages pages.
func (p Pages[P]) Walk(ctx context.Context, api *API, visit func(Token)) error {
	seen := map[string]bool{}
	for number := 1; number <= MaxPages; number++ {
		call := p.Call
		call.Method, call.Query = http.MethodGet, url.Values{}
		maps.Copy(call.Query, p.Call.Query)
		call.Query.Set("page", strconv.Itoa(number))
		if len(call.Want) == 0 {
			call.Want = []int{http.StatusOK}
		}
		var page P
		header, err := api.Do(ctx, call, &page)
		if err != nil {
			return err
		}
		isNew := false
		for _, token := range p.Tokens(page) {
			if seen[token.ID] {
				continue
			}
			seen[token.ID], isNew = true, true
			visit(token)
		}
		if !isNew || p.Last != nil && p.Last(page, number, header) {
			break
		}
	}
	return nil
}

// Delete deletes what is at a path. What has gone already is success.
func (a *API) Delete(ctx context.Context, path, doing string) error {
	_, err := a.Do(ctx, Call{Method: http.MethodDelete, Path: path, Doing: doing, Want: []int{http.StatusOK, http.StatusNoContent}}, nil)
	if IsMissing(err) {
		return nil
	}
	return err
}

// Each turns what a registry lists into tokens, one by one.
func Each[T any](token func(T) Token) func([]T) []Token {
	return func(listed []T) []Token {
		tokens := make([]Token, len(listed))
		for i := range listed {
			tokens[i] = token(listed[i])
		}
		return tokens
	}
}

// UnixTime gives the time of a number of seconds; 0 and less are no time.
func UnixTime(seconds int64) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// EndOf reads when something ends, as JSON APIs write it: a time (RFC 3339), or a
// day, which stands for its beginning in UTC. Anything else is no known end.
func EndOf(text string) time.Time {
	if ends, err := time.Parse(time.RFC3339, text); err == nil {
		return ends.UTC()
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		return day
	}
	return time.Time{}
}
