package main

import "strconv"

const (
	mount      = "/auth/"
	keySetPath = mount + ".well-known/jwks.json"
)

// headers are those of every request to the product, about as many as a browser sends. Its
// Sec-Fetch-Site and Origin are those of a page of the same site.
type headers struct{ common string }

func headersFor(address string) headers {
	return headers{"Host: " + address + "\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: */*\r\n" +
		"Origin: http://" + address + "\r\n" +
		"Sec-Fetch-Site: same-origin\r\n"}
}

// get is a request without anything that HTTP does not demand: for the floors, and for what is public.
func get(address, path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n")
}

// post appends a request with a JSON body. cookies may be empty.
func (h headers) post(buffer []byte, route, cookies string, body []byte) []byte {
	buffer = append(buffer, "POST "+mount...)
	buffer = append(buffer, route...)
	buffer = append(buffer, " HTTP/1.1\r\n"...)
	buffer = append(buffer, h.common...)
	if cookies != "" {
		buffer = append(buffer, "Cookie: "...)
		buffer = append(buffer, cookies...)
		buffer = append(buffer, "\r\n"...)
	}
	buffer = append(buffer, "Content-Type: application/json\r\nContent-Length: "...)
	buffer = strconv.AppendInt(buffer, int64(len(body)), 10)
	buffer = append(buffer, "\r\n\r\n"...)
	return append(buffer, body...)
}

// bearer appends a GET with an access token.
func (h headers) bearer(buffer []byte, route, token string) []byte {
	buffer = append(buffer, "GET "+mount...)
	buffer = append(buffer, route...)
	buffer = append(buffer, " HTTP/1.1\r\n"...)
	buffer = append(buffer, h.common...)
	buffer = append(buffer, "Authorization: Bearer "...)
	buffer = append(buffer, token...)
	return append(buffer, "\r\n\r\n"...)
}
