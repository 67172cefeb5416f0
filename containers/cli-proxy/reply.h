/* Answers that are sent at once. Each takes the request over. Connections are few: those with a
 * body end them. */
#pragma once

#include <event2/http.h>
#include <json-c/json.h>

/* Sends o, which is taken over. Its length is added to *held, if that is given, until it has left
 * the process or the connection is gone; *held has to live as long. */
void reply_json(struct evhttp_request *req, int status, struct json_object *o, size_t *held);

/* Sends {"error": text}. */
void reply_error(struct evhttp_request *req, int status, const char *text);

/* Sends 204; the connection stays for the next request. */
void reply_nothing(struct evhttp_request *req);
