// SPDX-License-Identifier: Apache-2.0
// Copyright The Omni Authors
//
// C++ errors as Python's own, with the text as written and no C++ backtrace.
#include "omni/core/errors.h"

#include <c10/util/Exception.h>

#include "python/bindings/bindings.h"

namespace omni::python {
namespace {

void raise(PyObject* type, const c10::Error& error) {
  PyErr_SetString(type, error.what_without_backtrace());
}

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) {
      std::rethrow_exception(pointer);
    }
  } catch (const IoError& error) {
    PyErr_SetString(PyExc_OSError, error.what());
  } catch (const c10::ValueError& error) {
    raise(PyExc_ValueError, error);
  } catch (const c10::TypeError& error) {
    raise(PyExc_TypeError, error);
  } catch (const c10::IndexError& error) {
    raise(PyExc_IndexError, error);
  } catch (const c10::NotImplementedError& error) {
    raise(PyExc_NotImplementedError, error);
  } catch (const c10::Error& error) {
    raise(PyExc_RuntimeError, error);
  } catch (const std::filesystem::filesystem_error& error) {
    PyErr_SetString(PyExc_OSError, error.what());
  }
}

} // namespace

void bind_errors(py::module_&) {
  py::register_local_exception_translator(&translate);
}

} // namespace omni::python
