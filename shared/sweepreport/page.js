"use strict";
(function () {
  var form = document.getElementById("filter");
  if (!form) { return; }
  var field = function (id) { return document.getElementById(id); };
  var subjects = Array.prototype.map.call(document.querySelectorAll("article"), function (element) {
    return { element: element, words: null };
  });
  var show = function () {
    var text = field("text").value.trim().toLowerCase();
    var status = field("status").value, kind = field("kind").value, code = field("code").value;
    var shown = 0;
    subjects.forEach(function (subject) {
      var data = subject.element.dataset;
      var fits = [[status, data.status], [kind, data.kind]].every(function (pair) { return !pair[0] || pair[0] === pair[1]; });
      fits = fits ? !code || data.codes.split(" ").indexOf(code) >= 0 : false;
      if (fits ? text : false) {
        if (subject.words === null) { subject.words = subject.element.textContent.toLowerCase(); }
        fits = subject.words.indexOf(text) >= 0;
      }
      subject.element.hidden = !fits;
      if (fits) { shown += 1; }
    });
    field("shown").textContent = shown.toLocaleString("en") + " shown";
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", function (event) { event.preventDefault(); show(); });
  form.hidden = false;
  show();
})();
