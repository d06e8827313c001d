package idp

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// getJSON reads a JSON object from a provider, with an access token unless that is "".
func getJSON(ctx context.Context, client *http.Client, address, bearer string, limit int64) (map[string]any, error) {
	data, err := get(ctx, client, address, bearer, limit)
	if err != nil {
		return nil, err
	}
	return strictjson.ParseObject(data)
}

func get(ctx context.Context, client *http.Client, address, bearer string, limit int64) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("longer than %d bytes", limit)
	}
	return data, nil
}
