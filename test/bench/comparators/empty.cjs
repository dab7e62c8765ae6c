// An empty function: its cost is subtracted from the others.
exports.handler = async () => ({ statusCode: 200, body: '' });
